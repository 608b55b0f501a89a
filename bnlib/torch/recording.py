"""Tools that record a model as a graph of torch's operations: which is at work, and what it is told.

A graph has no place for the passes of this package, so what is recorded is torch's own batch norm.
"""

import torch

INSTEAD = "call convert(model, back=True) first, which gives torch's own layers"


def is_recorded():
    """Whether torch.jit.trace, make_fx, torch.export or, by one of them, an exporter to ONNX looks on."""
    if torch.compiler.is_compiling():
        return torch.compiler.is_exporting()
    if torch._C._len_torch_dispatch_stack():
        from torch.fx.experimental.proxy_tensor import get_proxy_mode

        return get_proxy_mode() is not None
    return torch.jit.is_tracing()


def refuse_proxy(x):
    """Torch.fx knows a layer by its class, and its tools look for torch's."""
    if isinstance(x, torch.fx.Proxy):
        raise torch.fx.proxy.TraceError(f"torch.fx cannot trace batch norm of this package: {INSTEAD}")
