from components.training.door import main

main("bert")
