"""Pipeline stages and the contract they share; importing it does nothing."""
