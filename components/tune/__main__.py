from components.tune.door import main

main()
