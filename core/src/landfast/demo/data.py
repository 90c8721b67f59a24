"""Real data and a small model for the demo: scikit-learn's handwritten digits and one of its photographs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from landfast.errors import MissingExtra


def write_digits(folder: Path) -> None:
    """Write 1,797 handwritten digits as one CSV file a class, and a photograph of a flower."""
    datasets = _sklearn_datasets()
    folder.mkdir(parents=True)
    digits = datasets.load_digits()
    for label in range(10):
        rows = digits.data[digits.target == label].astype(int)
        text = "\n".join(",".join(map(str, row)) for row in rows)
        (folder / f"{label}.csv").write_text(text + "\n", encoding="ascii")
    images = Path(datasets.__file__).parent / "images"
    (folder / "photos").mkdir()
    shutil.copy(images / "flower.jpg", folder / "photos" / "flower.jpg")


def train(folder: Path, model: Path) -> float:
    """Fit a classifier to the digits in a folder, write its weights as ``.npz``, and return its accuracy.

    That is the share of right answers on every fourth digit, which was not trained on.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    tables = [np.loadtxt(folder / f"{label}.csv", delimiter=",") for label in range(10)]
    pixels = np.concatenate(tables) / 16
    labels = np.repeat(np.arange(10), [len(table) for table in tables])
    held_out = np.arange(len(labels)) % 4 == 0
    classifier = LogisticRegression(max_iter=1000).fit(pixels[~held_out], labels[~held_out])
    np.savez(model, coefficients=classifier.coef_, intercepts=classifier.intercept_)
    return float(classifier.score(pixels[held_out], labels[held_out]))


def drop_last_row(path: Path) -> None:
    """Take the last digit out of a file."""
    lines = path.read_text(encoding="ascii").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="ascii")


def _sklearn_datasets() -> Any:
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingExtra.of("demo", "the demo's data") from None
    return datasets
