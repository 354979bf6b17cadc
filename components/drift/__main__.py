from components.drift.door import main

main()
