package littoral.android

import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager

/** What Android says of its device now, without a permission; null for what it does not say. */
internal fun Context.deviceFacts(): Map<String, Any?> {
    val battery = registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))

    fun reading(name: String): Int? = battery?.getIntExtra(name, Int.MIN_VALUE)?.takeIf { it != Int.MIN_VALUE }
    return linkedMapOf(
        "cpu" to younger { "${field("SOC_MANUFACTURER")} ${field("SOC_MODEL")}" },
        "board" to "${Build.MANUFACTURER} ${Build.MODEL}",
        "hardware" to Build.HARDWARE,
        "abi" to Build.SUPPORTED_ABIS.firstOrNull(),
        "os" to "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
        "battery_percent" to reading(BatteryManager.EXTRA_LEVEL),
        "battery_celsius" to reading(BatteryManager.EXTRA_TEMPERATURE)?.div(TENTHS),
        "is_charging" to reading(BatteryManager.EXTRA_PLUGGED)?.let { it != 0 },
        "thermal_status" to younger {
            PowerManager::class.java.getMethod("getCurrentThermalStatus")
                .invoke(getSystemService(Context.POWER_SERVICE))
        },
    )
}

private const val TENTHS = 10.0

private fun field(name: String): Any? = Build::class.java.getField(name).get(null)

/** What Android 7 does not have: its name is looked up where the app runs. */
private inline fun <T> younger(read: () -> T): T? = try {
    read()
} catch (_: ReflectiveOperationException) {
    null
}
