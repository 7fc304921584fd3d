"""The few fields that each voxel could have, what each costs, and which one is taken."""
