"""What a trained model says about images: likelihoods, clusters, geometry, comparisons."""
