"""What labels, annotators and items are worth: consensus, calibrated confidence, whom to ask next.

Pure numpy: nothing in here knows of the database. `crowd` holds answers as arrays, `model` explains them, `choice`
selects the model and reads the consensus off it, `routing` says which label to buy next and when to stop.
"""
