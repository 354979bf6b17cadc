"""What MLflow's model registry holds, and its bundles on this machine; for stages and servers."""
