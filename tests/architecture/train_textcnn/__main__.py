from components.training.door import main

main("textcnn")
