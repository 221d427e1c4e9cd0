# Python's onnxruntime on the same model: the best of batch and threads, as JSON. Fails where it cannot be imported.
import json
import os
import sys
import time

import numpy
import onnxruntime

model, seconds = sys.argv[1], float(sys.argv[2])
images = (numpy.arange(1024 * 784, dtype=numpy.uint32) * numpy.uint32(2654435761) >> 24).astype(numpy.uint8)
images = images.reshape(1024, 28, 28)
best = {"perSecond": 0.0}
for threads in sorted({1, os.cpu_count() or 1}):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for batch in (1, 16, 64, 256):
        session.run(None, {"images": images[:batch]})
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            session.run(None, {"images": images[:batch]})
            done += batch
        rate = done / (time.perf_counter() - started)
        if rate > best["perSecond"]:
            best = {"perSecond": rate, "batch": batch, "threads": threads, "version": onnxruntime.__version__}
print(json.dumps(best))
