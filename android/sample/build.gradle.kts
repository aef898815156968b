plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "littoral.sample"
    compileSdk = 36
    defaultConfig {
        applicationId = "littoral.sample"
        minSdk = 24
        targetSdk = 36
    }
}

dependencies {
    implementation(project(":android"))
    implementation(libs.litert)
    implementation("${libs.jna.get()}@aar")
    implementation(libs.onnxruntime)
}
