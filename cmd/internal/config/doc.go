// Package config is what an operator can set: a YAML file, the environment and
// flags become one Config, which is judged whole and shown without its secrets.
// It opens nothing but the files that a configuration names, and knows nothing
// of the server that runs by it.
package config
