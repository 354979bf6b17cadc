from serving.transformer.command import main

main()
