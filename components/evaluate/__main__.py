from components.evaluate.door import main

raise SystemExit(main())
