from components.ingest.door import main

main()
