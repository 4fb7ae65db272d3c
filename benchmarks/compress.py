"""The heatmap sample made smaller, each way for the same minutes: python benchmarks/compress.py [MINUTES]

Renders of other seeds are the pictures without labels; PCK@0.1 is measured on the people that the sample itself is
judged by. One thread.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PICTURES = 600
FIRST_SEED = 20_000_000  # the sample was trained on seeds below 2,000,000, and is judged on those from 10,000,000
WAYS: tuple[dict[str, Any], ...] = (
    {"prune": 0.32},
    {"low_rank": 0.2},
    {"prune": 0.2, "low_rank": 0.15},
    {"prune": 0.5},
    {"low_rank": 0.5},
    {"sparsity": 0.5},
)


def write_pictures(folder: Path) -> Path:
    """Renders as a user's pictures: JPEGs, no labels."""
    from PIL import Image

    from sample.crops import render_people

    pictures = folder / "pictures"
    pictures.mkdir()
    for index, image in enumerate(render_people(range(FIRST_SEED, FIRST_SEED + PICTURES), folder).images):
        Image.fromarray(image).save(pictures / f"{index:04d}.jpg", quality=92)
    return pictures


def score(model: Path, people: Any) -> float:
    """PCK@0.1, as the sample's training measures it."""
    from posekit.sources import open_source
    from sample.train import RECIPES, pck, predict

    module = open_source(model).module

    def network(image: Any) -> Any:
        output = module(image)
        return output["heatmaps"] if isinstance(output, dict) else output

    return pck(predict(network, RECIPES["heatmap"], people), people)


def main() -> None:
    import torch

    from posekit.compression.network import CompressOptions
    from posekit.contract.spec import read_spec
    from posekit.pipelines.compress import compress
    from posekit.sources.sample import sample_images
    from sample.crops import render_people
    from sample.train import HELD_OUT_SEEDS

    torch.set_num_threads(1)
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    model = sample_images()[0].parent / "tinypose.pt2"
    spec, rows = read_spec(model.with_suffix(".toml")), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, people = write_pictures(folder), render_people(HELD_OUT_SEEDS, folder)
        whole = score(model, people)
        print(f"PCK {whole:.4f} of {len(people.scene)} people; {minutes:g} minutes each, {PICTURES} pictures")
        print(
            f"{'':32}{'times fewer':>12}{'bytes':>9}{'PCK lost':>10}{'OKS before':>12}{'after':>8}{'px':>6}"
            f"{'steps':>7}{'s':>6}"
        )
        for way in WAYS:
            started = time.perf_counter()
            found = compress(
                model, spec, CompressOptions(**way, recover=pictures, minutes=minutes), folder, overwrite=True
            )
            seconds, lost = time.perf_counter() - started, whole - score(found.model, people)
            assert found.unrecovered is not None
            assert found.recovered is not None
            label = " ".join(f"{key}={value}" for key, value in way.items())
            print(
                f"{label:32}{found.ratio:12.2f}{found.after.bytes / found.before.bytes:9.0%}{100 * lost:10.2f}"
                f"{found.unrecovered.oks:12.3f}{found.recovered.oks:8.3f}{found.recovered.mean_px:6.2f}{found.trained:7}{seconds:6.0f}"
            )
            rows.append(
                {
                    "way": way,
                    "ratio": round(found.ratio, 3),
                    "pck_lost": round(lost, 4),
                    "seconds": round(seconds),
                    "steps": found.trained,
                }
            )
    print(json.dumps({"machine": platform.platform(), "minutes": minutes, "pck": round(whole, 4), "rows": rows}))


if __name__ == "__main__":
    main()
