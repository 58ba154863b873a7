"""What a user can cause at run time.

Every message says what is wrong, what was got, and what is allowed or what to do.

VaeCoreError
    ConfigError       a field of a model or training configuration
    DataError         an image or label file, or a folder of them
    CheckpointError   a checkpoint file
"""


class VaeCoreError(Exception):
    """Root of the errors a user of the package can cause."""


class ConfigError(VaeCoreError):
    """A configuration field is unknown, missing or out of range."""


class DataError(VaeCoreError):
    """An IDX file is missing, damaged, or not what it should be."""


class CheckpointError(VaeCoreError):
    """A checkpoint file is missing, damaged, or does not hold the model it announces."""
