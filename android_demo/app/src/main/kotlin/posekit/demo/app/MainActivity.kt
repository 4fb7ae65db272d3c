// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.Manifest
import android.content.Intent
import android.hardware.display.DisplayManager
import android.net.Uri
import android.os.Bundle
import android.provider.Settings
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import android.widget.Toast
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.activity.viewModels
import androidx.camera.view.PreviewView

/** The one screen: the camera or a picture with whoever is in it, and the controls. */
class MainActivity : ComponentActivity() {
    private val demo: DemoModel by viewModels()
    private lateinit var camera: CameraBinding
    private lateinit var panel: Panel
    private lateinit var preview: PreviewView
    private lateinit var picture: ImageView
    private lateinit var overlay: OverlayView
    private var cameraFailure: String? = null
    private var bound: Boolean? = null // the side whose camera is shown
    private var hasCameras = false
    private var isOpen = false // whether that is known
    private var access = CameraAccess.NOT_ASKED

    private val askForCamera = registerForActivityResult(ActivityResultContracts.RequestPermission()) { showCamera() }
    private val pickPicture = registerForActivityResult(ActivityResultContracts.PickVisualMedia()) { uri ->
        if (uri != null) demo.show(uri)
    }
    private val displays = object : DisplayManager.DisplayListener {
        override fun onDisplayAdded(displayId: Int) = Unit

        override fun onDisplayRemoved(displayId: Int) = Unit

        override fun onDisplayChanged(displayId: Int) {
            if (displayId == preview.display?.displayId) camera.turn()
        }
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_main)
        keepClearOfSystemBars(findViewById(R.id.root))
        preview = findViewById(R.id.preview)
        picture = findViewById(R.id.picture)
        overlay = findViewById(R.id.overlay)
        panel = Panel(this, demo)
        camera = CameraBinding(this, preview, demo.executor)
        button(R.id.switch_camera) { demo.choose(demo.choices.copy(isFront = !demo.choices.isFront)) }
        button(R.id.pick) {
            pickPicture.launch(PickVisualMediaRequest(ActivityResultContracts.PickVisualMedia.ImageOnly))
        }
        button(R.id.live) { demo.backToCamera() }
        button(R.id.share) {
            snapshot(findViewById(R.id.stage), overlay, preview.takeIf { demo.picture == null })?.let(demo::share)
        }
        button(R.id.run_cases) { demo.runCases() }
        camera.open { failure ->
            if (isDestroyed) return@open
            cameraFailure = failure
            hasCameras = camera.has(isFront = false) || camera.has(isFront = true)
            if (!camera.has(demo.choices.isFront) && hasCameras) {
                demo.choose(demo.choices.copy(isFront = !demo.choices.isFront))
            }
            isOpen = true
            showCamera()
        }
    }

    override fun onStart() {
        super.onStart()
        demo.changed = ::update
        demo.seen = ::updateFrame
        getSystemService(DisplayManager::class.java).registerDisplayListener(displays, null)
        showCamera() // it may have been allowed in the settings
    }

    override fun onStop() {
        super.onStop()
        demo.changed = {}
        demo.seen = {}
        getSystemService(DisplayManager::class.java).unregisterDisplayListener(displays)
    }

    override fun onDestroy() {
        super.onDestroy()
        camera.release()
    }

    /** Show the camera where that is allowed; ask once where it may be. */
    private fun showCamera() {
        access = cameraAccess(demo.hasAsked)
        if (hasCameras && access == CameraAccess.NOT_ASKED && !demo.hasAsked) {
            demo.hasAsked = true
            ask()
        }
        update()
    }

    private fun ask() = askForCamera.launch(Manifest.permission.CAMERA)

    /** The chosen side's camera, unless a picture is shown in its place, or the cases are run. */
    private fun bind() {
        if (!hasCameras || access != CameraAccess.ALLOWED) return
        val side = demo.choices.isFront.takeIf { demo.picture == null && !demo.isRunningCases }
        if (side == bound) return
        bound = side
        if (side == null) camera.release() else cameraFailure = camera.bind(side, demo.analyzer(side))
    }

    private fun update() {
        bind()
        val shown = demo.picture
        preview.visibility = if (shown == null) View.VISIBLE else View.INVISIBLE
        picture.visibility = if (shown == null) View.GONE else View.VISIBLE
        picture.setImageBitmap(shown)
        findViewById<View>(R.id.live).visibility = if (shown == null) View.GONE else View.VISIBLE
        findViewById<View>(R.id.switch_camera).isEnabled =
            shown == null && camera.has(!demo.choices.isFront) && !demo.isRunningCases
        updateNotice()
        overlay.drawing = demo.drawing
        panel.update()
        demo.mishap?.let { Toast.makeText(this, it, Toast.LENGTH_LONG).show() }
        demo.mishap = null
        demo.toShare?.let { share(it) }
        demo.toShare = null
    }

    private fun updateFrame() {
        overlay.drawing = demo.drawing
        panel.updateTimes()
    }

    /** Why no camera is shown, and what can be done. */
    private fun updateNotice() {
        val failure = cameraFailure
        when {
            demo.picture != null || !isOpen -> notice(null)
            failure != null -> notice(getString(R.string.camera_failed, failure))
            !hasCameras -> notice(getString(R.string.no_camera))
            access == CameraAccess.TO_EXPLAIN -> notice(getString(R.string.camera_why), R.string.allow_camera, ::ask)
            access == CameraAccess.DENIED ->
                notice(getString(R.string.camera_denied), R.string.open_settings, ::openSettings)
            else -> notice(null)
        }
    }

    private fun notice(text: String?, action: Int? = null, act: () -> Unit = {}) {
        findViewById<View>(R.id.notice).visibility = if (text == null) View.GONE else View.VISIBLE
        findViewById<TextView>(R.id.notice_text).text = text
        val button: Button = findViewById(R.id.notice_button)
        button.visibility = if (action == null) View.GONE else View.VISIBLE
        if (action != null) button.setText(action)
        button.setOnClickListener { act() }
    }

    private fun openSettings() {
        val app = Uri.fromParts("package", packageName, null)
        startActivity(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, app))
    }

    private fun button(id: Int, act: () -> Unit) = findViewById<Button>(id).setOnClickListener { act() }
}
