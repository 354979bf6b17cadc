from components.tokenize.door import main

raise SystemExit(main())
