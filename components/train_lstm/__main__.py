from components.training.door import main

raise SystemExit(main("lstm"))
