from serving.predictor.door import main

main()
