"""The pages of the risk model: a report of the model, and a card for each patient."""
