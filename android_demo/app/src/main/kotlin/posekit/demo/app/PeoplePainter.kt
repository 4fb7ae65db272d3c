// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.res.Resources
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import posekit.template.KeypointPosition
import posekit.template.LivePerson
import posekit.template.ViewMapping
import posekit.template.TemplatePose as PoseModel

private const val NAME_GAP = 12f

/** Draws skeletons: each person in a colour of its own, or by depth where the model gives one. */
internal class PeoplePainter(private val resources: Resources) {
    private val bone = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        strokeWidth = resources.getDimension(R.dimen.bone)
        strokeCap = Paint.Cap.ROUND
    }
    private val point = Paint(Paint.ANTI_ALIAS_FLAG)
    private val radius = resources.getDimension(R.dimen.keypoint)
    private val name = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        textSize = resources.getDimension(R.dimen.person_name)
        textAlign = Paint.Align.CENTER
        setShadowLayer(4f, 0f, 0f, Color.BLACK)
    }

    fun draw(canvas: Canvas, people: List<LivePerson>, mapping: ViewMapping) {
        val depth = DepthColors.of(people)
        for (person in people) draw(canvas, person, mapping, depth)
    }

    private fun draw(canvas: Canvas, person: LivePerson, mapping: ViewMapping, depth: DepthColors?) {
        val own = colorOf(person.id)
        val places = PoseModel.Keypoint.entries.map { Place(person.pose[it], mapping, own, depth) }
        for ((from, to) in PoseModel.Keypoint.edges) draw(canvas, places[from.index], places[to.index])
        val sure = places.filter { it.isSure }
        for (place in sure) {
            point.color = place.color
            canvas.drawCircle(place.x, place.y, radius, point)
        }
        val top = sure.minByOrNull { it.y } ?: return
        name.color = own
        canvas.drawText(resources.getString(R.string.person, person.id), top.x, top.y - radius - NAME_GAP, name)
    }

    /** A bone, in the colours of both its ends. */
    private fun draw(canvas: Canvas, from: Place, to: Place) {
        if (!from.isSure || !to.isSure) return
        val middleX = (from.x + to.x) / 2
        val middleY = (from.y + to.y) / 2
        bone.color = from.color
        canvas.drawLine(from.x, from.y, middleX, middleY, bone)
        bone.color = to.color
        canvas.drawLine(middleX, middleY, to.x, to.y, bone)
    }
}

/** A keypoint in the view. */
private class Place(keypoint: KeypointPosition, mapping: ViewMapping, own: Int, depth: DepthColors?) {
    val x = mapping.viewX(keypoint.x).toFloat()
    val y = mapping.viewY(keypoint.y).toFloat()
    val isSure = isSure(keypoint.score)
    val color = keypoint.z?.let { depth?.at(it) } ?: own
}
