"""How good a model is: discrimination, calibration, net benefit, and what resampling takes off them."""
