"""What can be wrong with data, parameters and artefacts. Each message is one line for people."""


class ModelError(Exception):
    """Base of all: command lines print it and end with code 2."""


class BadData(ModelError):
    """A file or parameter that nothing can be learned from."""


class LeakFound(ModelError):
    """The data give the outcome away, so what is learned from them would fool everybody."""


class BrokenArtefact(ModelError):
    """The file is missing, cut, altered, or gives other scores than when it was made."""


class WrongArtefact(BrokenArtefact):
    """A sound file, made for another feature set, format or library."""
