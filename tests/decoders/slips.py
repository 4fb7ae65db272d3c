"""Slips in each decoder that its golden vectors must notice: file, what is right, what is wrong."""

from __future__ import annotations

Slip = tuple[str, str, str]

KOTLIN: dict[str, tuple[Slip, ...]] = {
    "centers": (
        ("CentersDecoder.kt", "sign * displacements", "displacements"),
        ("CentersDecoder.kt", "Box(x.min(), y.min(), x.max(), y.max())", "Box(x.min(), y.min(), y.max(), x.max())"),
        ("CentersDecoder.kt", "return near > keypoints", "return near >= keypoints"),
        ("CentersDecoder.kt", "if (by == By.HEAT) it.meanHeat else it.confidence", "it.confidence"),
        ("CentersDecoderRoles.kt", "found.sortByDescending { it.raw }", "found.sortBy { it.raw }"),
        ("CentersDecoderRoles.kt", "nearest <= longer * distance", "nearest <= longer"),
        ("CentersDecoderRoles.kt", "nearestY in box.top..box.bottom", "nearestY in box.left..box.right"),
        ("CentersDecoderRoles.kt", "val px = floor(value * stride)", "val px = (value * stride)"),
        ("CentersDecoderRoles.kt", "(cells.toDouble() / max(cells - 1, 1)) - 0.5", "1.0 - 0.5"),
    ),
    "detections": (
        ("DetectionsDecoderNms.kt", "dropped[other] = alike > threshold", "dropped[other] = alike >= threshold"),
        ("DetectionsDecoderNms.kt", "Definition.INCLUSIVE) 1.0 else", "Definition.INCLUSIVE) 0.0 else"),
        ("DetectionsDecoderScores.kt", "if (classes == null) person else 0", "0"),
        ("DetectionsDecoderScores.kt", "value && other < person", "value && other > person"),
        ("DetectionsDecoderScores.kt", "keys[from[left]] >= keys", "keys[from[left]] > keys"),
        ("DetectionsDecoderCandidates.kt", "xAt = fields.indexOf(Field.X)", "xAt = fields.indexOf(Field.Y)"),
        ("DetectionsDecoderCandidates.kt", "Format.XYWH -> start + length", "Format.XYWH -> length"),
        ("DetectionsDecoderCandidates.kt", "y = grid.row + shift", "y = grid.row.toDouble()"),
        ("DetectionsDecoderRoles.kt", "stride = strides[level]", "stride = strides[strides.size - 1 - level]"),
    ),
    "movenet": (
        ("MovenetDecoder.kt", "/ (distance(x - width / 2.0", "/ (distance(x - (width - 1) / 2.0"),
        ("MovenetDecoder.kt", "if (value < minScore) 0.0 else value", "value"),
        ("MovenetDecoder.kt", "Rounding.TRUNC -> truncate(value + 0.5)", "Rounding.TRUNC -> floor(value + 0.5)"),
    ),
    "posenet": (
        ("PosenetDecoderFields.kt", "if (axes == Order.XY) pair else role", "if (axes == Order.YX) pair else role"),
        ("PosenetDecoderPeople.kt", "dx * dx + dy * dy <= radius", "dx * dx + dy * dy < radius"),
        ("PosenetDecoderPeople.kt", "val startX = fields.withinX(x)", "val startX = x"),
        ("PosenetDecoderTree.kt", "filter { children[it] == keypoint }", "filter { false }"),
        ("MapRole.kt", "(1 - down) + under", "(1 - across) + under"),
    ),
    "heatmap": (
        ("HeatmapDecoder.kt", "0.25 * sign(maps[x, y + 1, k]", "0.2 * sign(maps[x, y + 1, k]"),
        ("HeatmapDecoder.kt", "border == Border.BOTH &&", "border == Border.EACH &&"),
        ("HeatmapDecoderDark.kt", "edge.source(y - reach", "BlurEdge.ZERO.source(y - reach"),
        ("HeatmapDecoderUdp.kt", "GaussianBlur(kernelSize, edge)", "GaussianBlur(kernelSize, BlurEdge.ZERO)"),
        ("HeatmapDecoderUdp.kt", "raw.max() / (blurred.max() + 1e-12)", "1.0"),
    ),
    "integral": (
        ("IntegralDecoder.kt", "(place + 0.5) *", "place *"),
        ("IntegralDecoder.kt", "sharpness * (value - peaks[k])", "value - peaks[k]"),
    ),
    "landmarks": (
        ("LandmarksDecoder.kt", "truncate(place[0] * width)", "kotlin.math.floor(place[0] * width)"),
        ("LandmarksDecoder.kt", "if (most < by.minWeight", "if (most <= 0.0"),
        ("LandmarksDecoder.kt", "place[0] = sumX / total / width", "place[0] = (sumX / total + 0.5) / width"),
        ("LandmarksDecoder.kt", "if (instance == null) scores.average() else sure", "scores.average()"),
        ("LandmarksDecoder.kt", "sure < minPresence", "sure <= minPresence"),
    ),
    "offset_map": (
        ("GaussianKernel.kt", "min(it, 2 * (length - 1) - it)", "min(it, length - 1)"),
        ("OffsetMapDecoder.kt", "y.output), y.of(k))", "y.output), x.of(k))"),
        ("OffsetMapDecoder.kt", "if (offsetBlur == null)", "if (offsetBlur == null || peak >= 0)"),
    ),
    "paf": (
        ("PafDecoderUpsampling.kt", "(row + 0.5) / factor - 0.5", "row.toDouble() / factor"),
        ("PafDecoderPeaks.kt", "!isBefore", "isBefore"),
        ("PafDecoderLimbs.kt", "first + channels[2 * pair + 1]", "first + channels[2 * pair]"),
        ("PafDecoderLimbs.kt", "round(place) else floor(place + 0.5)", "round(place) else round(place)"),
        ("PafDecoderPeople.kt", "const val ABSENT = -1", "const val ABSENT = 0"),
        ("PafDecoderPeople.kt", "!holders[0].shares(holders[1])", "holders[0].shares(holders[1])"),
    ),
    "regression": (("RegressionDecoder.kt", "inputHeight - alignment.shrink", "inputHeight"),),
    "simcc": (("SimccDecoder.kt", "(peaksX[k] + peaksY[k]) / 2", "(peaksX[k] + peaksY[k]) / 2.01"),),
    "tags": (
        ("TagsDecoder.kt", "inputHeight.toDouble() / heat.height", "inputWidth.toDouble() / heat.width"),
        ("TagsDecoder.kt", "if (afterX > 0) 0.25 else -0.25", "if (afterX >= 0) 0.25 else -0.25"),
        ("TagsDecoder.kt", "cell.y > 1 && cell.y < heat.height - 1", "cell.y > 0 && cell.y < heat.height - 1"),
        ("TagsDecoderMaps.kt", "(cell + 0.5) * (old.toDouble() / new) - 0.5", "cell * (old.toDouble() / new)"),
        ("TagsDecoderMaps.kt", "middle[at] /= maps.size.toDouble()", "middle[at] /= 1.0"),
        ("TagsDecoderPeaks.kt", "{ it.score }.thenBy { it.y }", "{ it.score }.thenByDescending { it.y }"),
        ("TagsDecoderPeaks.kt", "found.take(most)", "found"),
        ("TagsDecoderGroups.kt", "return it.also(TagPerson::restart)", "return it"),
        ("TagsDecoderGroups.kt", "sum / peaks.size", "sum / maxOf(1, peaks.count { it != null })"),
        ("TagsDecoderAssignment.kt", "(1..size).first { candidate", "(size downTo 1).first { candidate"),
        ("TagsDecoderFilling.kt", "if (isHeat) heat[row * side + column] else 0.0", "heat[row * side + column]"),
        ("TagsDecoderFilling.kt", "score - weight * round(", "score - weight * ("),
    ),
}
SWIFT: dict[str, tuple[Slip, ...]] = {
    "centers": (
        (
            "CentersDecoder.swift",
            "sign * values.at(center.x, center.y, 2 * k + 1)",
            "values.at(center.x, center.y, 2 * k + 1)",
        ),
        ("CentersDecoderRoles.swift", "nearest.away <= longer * distance", "nearest.away <= longer"),
        ("CentersDecoderRoles.swift", "(value * Double(stride)).rounded(.down)", "(value * Double(stride))"),
        ("CentersDecoderRoles.swift", "(Double(cells) / Double(max(cells - 1, 1))) - 0.5", "1.0 - 0.5"),
    ),
    "detections": (
        ("DetectionsDecoderNms.swift", "iou(kept, box) > threshold", "iou(kept, box) >= threshold"),
        ("DetectionsDecoderNms.swift", "definition == .inclusive ? 1 : 0", "0"),
        ("DetectionsDecoderNms.swift", "(2 * variance * mean)", "(variance * mean)"),
        ("DetectionsDecoder.swift", "scores.classChannel == nil ? scores.person : 0", "0"),
        ("DetectionsDecoder.swift", "value == raw && other < scores.person", "value == raw && other > scores.person"),
        ("DetectionsDecoder.swift", "rounded(.down) == Double(scores.person)", "rounded(.down) == 0"),
        ("DetectionsDecoder.swift", "($1.confidence, $0.place)", "($1.confidence, -$0.place)"),
        ("DetectionsDecoderRoles.swift", "y = fields.firstIndex(of: .y)", "y = fields.lastIndex(of: .x)"),
        (
            "DetectionsDecoderRoles.swift",
            "right: x + width, bottom: y + height)\n      case .xyxy",
            "right: width, bottom: height)\n      case .xyxy",
        ),
        ("DetectionsDecoderRoles.swift", "(cell.column + shift, cell.row + shift)", "(cell.column, cell.row + shift)"),
        ("DetectionsDecoderCandidates.swift", "levels = strides.map", "levels = strides.reversed().map"),
    ),
    "heatmap": (
        ("HeatmapDecoder.swift", "values[start + k] > maxima[k]", "values[start + k] >= maxima[k]"),
        ("HeatmapDecoder.swift", "difference > 0 ? 0.25", "difference > 0 ? -0.25"),
        ("HeatmapDecoderDark.swift", "let dxy = 0.25", "let dxy = 0.5"),
        ("HeatmapDecoderUdp.swift", "edge: edge)", "edge: .zero)"),
        ("HeatmapDecoderUdp.swift", "min(max(y, 0), size.height - 1)", "min(max(y, 1), size.height - 1)"),
    ),
    "integral": (("IntegralDecoder.swift", "(place + 0.5) *", "place *"),),
    "landmarks": (
        (
            "LandmarksDecoder.swift",
            "(place.x * Double(width)).rounded(.towardZero)",
            "(place.x * Double(width)).rounded(.down)",
        ),
        ("LandmarksDecoder.swift", "guard most >= refinement.minWeight, total", "guard total"),
        ("LandmarksDecoder.swift", "sure < minPresence", "sure <= minPresence"),
        (
            "LandmarksDecoder.swift",
            "activated($0, activation) }\n    let scores",
            "activated($0, .none) }\n    let scores",
        ),
    ),
    "offset_map": (
        ("OffsetMapDecoder.swift", "map[$0] == map[$1] && $0 > $1", "map[$0] == map[$1] && $0 < $1"),
        ("GaussianKernel.swift", "let period = 2 * (length - 1)", "let period = 2 * length"),
    ),
    "paf": (
        ("PafDecoderUpsampling.swift", "row + at - blurKernel / 2", "row + at - blurKernel / 2 + 1"),
        ("PafDecoderPeaks.swift", "< minDistance * minDistance", "> minDistance * minDistance"),
        (
            "PafDecoderLimbs.swift",
            ".toNearestOrEven) : (place + 0.5).rounded(.down)",
            ".toNearestOrEven) : place.rounded(.toNearestOrEven)",
        ),
        ("PafDecoderPeople.swift", "static let absent = -1", "static let absent = 0"),
    ),
    "movenet": (
        ("MovenetDecoder.swift", "if weighted > most {", "if weighted >= most {"),
        ("MovenetDecoder.swift", "rounded(.towardZero)", "rounded(.down)"),
    ),
    "posenet": (
        ("PosenetDecoder.swift", "(place.x + 0.5).rounded(.down)", "place.x.rounded(.toNearestOrEven)"),
        ("PosenetDecoderPeople.swift", "x * x + y * y <= radius", "x * x + y * y < radius"),
        ("PosenetDecoderPeople.swift", "found[..<$0]", "found[..<0]"),
        ("MapRole.swift", "(1 - down) + under", "(1 - across) + under"),
    ),
    "regression": (
        ("RegressionDecoder.swift", "range == .signedUnit ? Double(value) *", "false ? Double(value) *"),
        ("RegressionDecoder.swift", "inputSize.height - alignment.shrink", "inputSize.height"),
    ),
    "simcc": (("SimccDecoder.swift", "y: y.bin / splitRatio", "y: Double(y.bin) / 2"),),
    "tags": (
        (
            "TagsDecoder.swift",
            "Double(inputSize.height) / Double(size.height)",
            "Double(inputSize.width) / Double(size.width)",
        ),
        ("TagsDecoderPeaks.swift", "($1.score, $0.y, $0.x)", "($1.score, -$0.y, $0.x)"),
        ("TagsDecoderMaps.swift", "(Double(cell) + 0.5) * (Double(old)", "Double(cell) * (Double(old)"),
        ("TagsDecoderGroups.swift", "people[place].restart()", "_ = place"),
        (
            "TagsDecoderAssignment.swift",
            "for column in 1...size where isTight(row + 1",
            "for column in (1...size).reversed() where isTight(row + 1",
        ),
        ("TagsDecoderFilling.swift", "isHeat ? heat[place] : 0", "heat[place]"),
        (
            "TagsDecoderFilling.swift",
            ".squareRoot().rounded(.toNearestOrEven)\n          consider",
            ".squareRoot()\n          consider",
        ),
    ),
}
