from .echo_images import EchoImages, read_echoes
from .folder.listing import list_folder
from .selection.overrides import Overrides, read_overrides

__all__ = ["EchoImages", "Overrides", "list_folder", "read_echoes", "read_overrides"]
