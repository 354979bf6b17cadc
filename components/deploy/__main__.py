from components.deploy.door import main

main()
