"""Stands in for torch in WhisperLive's server, which asks it only whether there is a GPU.

(Its voice activity class needs the real one, but is made for its TensorRT backend alone.) The
package that pip finds for torch is the CUDA build of several GB.
"""


class cuda:
    @staticmethod
    def is_available():
        return False
