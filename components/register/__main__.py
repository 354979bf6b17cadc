from components.register.door import main

raise SystemExit(main())
