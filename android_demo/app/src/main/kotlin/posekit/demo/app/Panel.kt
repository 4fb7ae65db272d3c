// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.app.Activity
import android.os.SystemClock
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.CheckBox
import android.widget.Spinner
import android.widget.TextView
import posekit.template.Accelerator

private const val STATUS_EVERY_MS = 250L // else nobody can read it

/** The controls below or beside the picture, and what they say. */
internal class Panel(private val activity: Activity, private val demo: DemoModel) {
    private val status: TextView = activity.findViewById(R.id.status)
    private val tracking: CheckBox = activity.findViewById(R.id.tracking)
    private val smoothing: CheckBox = activity.findViewById(R.id.smoothing)
    private val controls = listOf(R.id.accelerators, R.id.models, R.id.tracking, R.id.smoothing, R.id.run_cases)
        .map { activity.findViewById<View>(it) }
    private var told = 0L

    init {
        val accelerators = Accelerator.entries
        offer(R.id.accelerators, accelerators.map { it.name }, accelerators.indexOf(demo.choices.accelerator)) {
            demo.choose(demo.choices.copy(accelerator = accelerators[it]))
        }
        offer(R.id.models, demo.models.map { it.label }, demo.models.indexOf(demo.choices.model)) {
            demo.choose(demo.choices.copy(model = demo.models[it]))
        }
        if (demo.models.size == 1) {
            for (id in listOf(R.id.models, R.id.models_label)) activity.findViewById<View>(id).visibility = View.GONE
        }
        for (box in listOf(tracking, smoothing)) box.isSaveEnabled = false // the choices know
        tracking.isChecked = demo.choices.isTracking
        smoothing.isChecked = demo.choices.isSmoothing
        tracking.setOnCheckedChangeListener { _, isOn -> demo.choose(demo.choices.copy(isTracking = isOn)) }
        smoothing.setOnCheckedChangeListener { _, isOn -> demo.choose(demo.choices.copy(isSmoothing = isOn)) }
    }

    /** Say how things are. */
    fun update() {
        for (control in controls) control.isEnabled = !demo.isRunningCases
        status.text = statusText(activity, demo)
        told = SystemClock.elapsedRealtime()
    }

    /** Say the times of the last frames, now and then. */
    fun updateTimes() {
        if (SystemClock.elapsedRealtime() - told >= STATUS_EVERY_MS) update()
    }

    private fun offer(id: Int, names: List<String>, chosen: Int, choose: (Int) -> Unit) {
        val spinner: Spinner = activity.findViewById(id)
        spinner.isSaveEnabled = false
        spinner.adapter = ArrayAdapter(activity, android.R.layout.simple_spinner_dropdown_item, names)
        spinner.setSelection(chosen, false)
        spinner.onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(parent: AdapterView<*>?, view: View?, position: Int, row: Long) =
                choose(position)

            override fun onNothingSelected(parent: AdapterView<*>?) = Unit
        }
    }
}
