from components.ingest.door import main

raise SystemExit(main())
