from components.evaluate.door import main

main()
