module lictor/charts

go 1.19

// The newest that Debian 12's Go compiles; what they need themselves, they name, and the first build adds it here.
require (
	helm.sh/helm/v3 v3.11.3
	sigs.k8s.io/kustomize/api v0.12.1
)
