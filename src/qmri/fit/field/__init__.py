"""The field map where single voxels cannot tell it: smoothness, neighbours, message passing."""
