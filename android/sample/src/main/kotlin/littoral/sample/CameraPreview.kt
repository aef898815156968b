package littoral.sample

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.Bitmap
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.os.Handler
import android.os.HandlerThread
import android.view.Surface
import android.view.TextureView

/** The first camera's picture on a view; each frame that the last call has finished for is handed on. */
internal class CameraPreview(
    context: Context,
    private val view: TextureView,
    private val onFrame: (Bitmap) -> Unit,
) : TextureView.SurfaceTextureListener, AutoCloseable {
    private val cameras = context.getSystemService(CameraManager::class.java)
    private val thread = HandlerThread("camera").apply { start() }
    private val handler = Handler(thread.looper)
    private var device: CameraDevice? = null

    @Volatile
    private var isBusy = false

    init {
        view.surfaceTextureListener = this
        view.surfaceTexture?.let { onSurfaceTextureAvailable(it, view.width, view.height) }
    }

    @SuppressLint("MissingPermission") // asked for before this is made
    override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) {
        val surface = Surface(texture)
        cameras.openCamera(
            cameras.cameraIdList[0],
            object : CameraDevice.StateCallback() {
                override fun onOpened(camera: CameraDevice) = show(camera, surface)

                override fun onDisconnected(camera: CameraDevice) = camera.close()

                override fun onError(camera: CameraDevice, code: Int) = camera.close()
            },
            handler,
        )
    }

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) {
        if (isBusy) return
        val bitmap = view.bitmap ?: return
        isBusy = true
        handler.post {
            onFrame(bitmap)
            isBusy = false
        }
    }

    override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) = Unit

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture): Boolean = true

    override fun close() {
        device?.close()
        thread.quitSafely()
    }

    @Suppress("DEPRECATION") // the call that takes a SessionConfiguration came with API 28
    private fun show(camera: CameraDevice, surface: Surface) {
        device = camera
        val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply { addTarget(surface) }
        camera.createCaptureSession(
            listOf(surface),
            object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    session.setRepeatingRequest(request.build(), null, handler)
                }

                override fun onConfigureFailed(session: CameraCaptureSession) = camera.close()
            },
            handler,
        )
    }
}
