"""Makes metrics.json: labels, probabilities and the scores that scikit-learn gives them.

    apt-get install python3-sklearn && /usr/bin/python3 test/evaluation/golden/make_golden.py

Specificity and negative predictive value are recall and precision of the inverted labels. Curves keep every point
(drop_intermediate=False); average_precision_score is the step-wise sum.
"""

import json
import os

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    log_loss,
    precision_recall_curve,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)


def case(name, labels, probabilities):
    count, classes = probabilities.shape
    predictions = probabilities.argmax(axis=1)
    all_classes = list(range(classes))
    present = sorted(set(labels) | set(predictions))
    per_class = precision_recall_fscore_support(labels, predictions, labels=all_classes, zero_division=0)
    inverse = [(labels != c, predictions != c) for c in all_classes]
    specificity = [recall_score(a, b, zero_division=0) for a, b in inverse]
    npv = [precision_score(a, b, zero_division=0) for a, b in inverse]
    support = per_class[3]

    def averages(kind):
        three = precision_recall_fscore_support(
            labels, predictions, labels=present, average=kind, zero_division=0
        )[:3]
        weights = support[present] if kind == "weighted" else np.ones(len(present))
        return [float(x) for x in three] + [
            float(np.average(np.array(values)[present], weights=weights)) for values in (specificity, npv)
        ]

    curves = []
    for c in all_classes:
        positive = labels == c
        entry = {}
        if positive.any():
            precision, recall, thresholds = precision_recall_curve(positive, probabilities[:, c])
            # scikit-learn ascends in threshold and appends (1, 0).
            entry["precision"] = precision[:-1][::-1].tolist()
            entry["recall"] = recall[:-1][::-1].tolist()
            entry["prThresholds"] = thresholds[::-1].tolist()
            entry["averagePrecision"] = average_precision_score(positive, probabilities[:, c])
        if positive.any() and not positive.all():
            false_rate, true_rate, _ = roc_curve(positive, probabilities[:, c], drop_intermediate=False)
            entry["falsePositiveRate"] = false_rate.tolist()
            entry["truePositiveRate"] = true_rate.tolist()
            entry["rocArea"] = roc_auc_score(positive, probabilities[:, c])
        curves.append(entry)

    confidence = probabilities.max(axis=1)
    correct = predictions == labels
    # Ten bins, each open below and closed above.
    bins = np.clip(np.ceil(confidence * 10).astype(int) - 1, 0, 9)
    error = sum(
        (bins == b).sum() / count * abs(confidence[bins == b].mean() - correct[bins == b].mean())
        for b in range(10)
        if (bins == b).any()
    )
    return {
        "name": name,
        "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "classes": classes,
        "accuracy": accuracy_score(labels, predictions),
        "confusion": confusion_matrix(labels, predictions, labels=all_classes).tolist(),
        "precision": per_class[0].tolist(),
        "recall": per_class[1].tolist(),
        "f1": per_class[2].tolist(),
        "support": support.tolist(),
        "specificity": specificity,
        "negativePredictiveValue": npv,
        "macro": averages("macro"),
        "weighted": averages("weighted"),
        "curves": curves,
        "expectedError": float(error),
        "logLoss": log_loss(labels, probabilities, labels=all_classes),
    }


def probabilities_of(random, labels, classes, strength, decimals):
    logits = random.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += strength
    weights = np.exp(logits)
    # Rounded, so that there are ties; the last class takes the rest, so that rows add up to 1.
    rounded = np.round(weights / weights.sum(axis=1, keepdims=True), decimals)
    rounded[:, -1] = np.round(1 - rounded[:, :-1].sum(axis=1), decimals)
    return np.abs(rounded)


random = np.random.default_rng(20260727)
cases = []
labels = random.choice(4, size=80, p=[0.6, 0.25, 0.1, 0.05])
cases.append(case("four classes, unequal, with ties", labels, probabilities_of(random, labels, 4, 1.5, 2)))
labels = random.integers(0, 2, size=50)
cases.append(case("two classes", labels, probabilities_of(random, labels, 2, 0.5, 3)))
labels = random.choice([0, 1, 3], size=40)
p = probabilities_of(random, labels, 5, 2.0, 3)
p[:, 2] = 0
p[:, 4] = np.minimum(p[:, 4], 0.001)
p[:, 0] = 1 - p[:, 1] - p[:, 3] - p[:, 4]
cases.append(case("classes that never occur", labels, np.round(np.abs(p), 3)))
labels = np.zeros(6, dtype=int)
cases.append(case("one class alone", labels, np.tile([0.7, 0.3], (6, 1))))

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(out, "w", encoding="utf-8") as f:
    json.dump({"madeBy": f"scikit-learn {sklearn.__version__}", "cases": cases}, f)
    f.write("\n")
print(out)
