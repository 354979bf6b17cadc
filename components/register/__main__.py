from components.register.door import main

main()
