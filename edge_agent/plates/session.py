"""Opening a network with ONNX Runtime as a node needs it: few threads, no memory held that is not used."""

from pathlib import Path

import onnxruntime

from contracts.errors import UnavailableError


def open_session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open the network in the file `model` to be run on `threads` threads.

    Raises:
        UnavailableError: ONNX Runtime cannot read it.

    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors: its warnings are about how the network was exported
    # Threads that wait for work must not burn the other cores of a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions share no base class of their own
        raise UnavailableError(
            f"the network {model} cannot be read: {error}",
            "Install the project again; its build fetches the networks and checks their digests.",
        ) from error
