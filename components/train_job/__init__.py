"""Training on several nodes: the train stage's command in a Kubeflow TrainJob."""
