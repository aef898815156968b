// The library as one Gradle module: the sources of core and of both engines' glue, and its own.
plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "littoral.android"
    compileSdk = 36
    defaultConfig {
        minSdk = 24
        consumerProguardFiles("src/main/aar/proguard.txt")
    }
    sourceSets["main"].apply {
        manifest.srcFile("src/main/aar/AndroidManifest.xml")
        kotlin.srcDirs("../core/src/main/kotlin", "../litert/src/main/kotlin", "../onnx/src/main/kotlin")
        resources.srcDirs("../services")
    }
}

dependencies {
    compileOnly(libs.onnxruntime)
    compileOnly(libs.jna)
}
