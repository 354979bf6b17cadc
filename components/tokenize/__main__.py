from components.tokenize.door import main

main()
