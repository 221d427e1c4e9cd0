#!/usr/bin/env python3
"""Makes logistic.json: what scikit-learn's LogisticRegression finds for a small problem, by its Newton solver.

    python3 test/bindings/golden/make_logistic.py > test/bindings/golden/logistic.json
"""
import json
import sys

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(11)
ROWS, WIDTH, CLASSES = 90, 5, 4
labels = random.integers(0, CLASSES, ROWS)
centres = random.normal(size=(CLASSES, WIDTH))
features = np.round(centres[labels] + random.normal(size=(ROWS, WIDTH)), 3).astype(np.float32)
models = []
for penalty in (0.1, 1, 100):
    model = LogisticRegression(C=penalty, solver="newton-cg", tol=1e-12, max_iter=10000)
    model.fit(features.astype(np.float64), labels)
    models.append(
        {
            "penalty": penalty,
            # Biases are decided up to one constant; the gradient from zeros on keeps their sum at 0.
            "weight": model.coef_.ravel().round(7).tolist(),
            "bias": (model.intercept_ - model.intercept_.mean()).round(7).tolist(),
            "probabilities": model.predict_proba(features.astype(np.float64))[:6].ravel().round(8).tolist(),
        }
    )
json.dump(
    {
        "scikitLearn": sklearn.__version__,
        "width": WIDTH,
        "classes": CLASSES,
        "features": [round(float(x), 3) for x in features.ravel()],
        "labels": labels.tolist(),
        "models": models,
    },
    sys.stdout,
)
print()
