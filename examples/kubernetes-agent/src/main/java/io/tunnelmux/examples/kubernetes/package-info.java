/** An agent that lives in a Kubernetes cluster: requests go to services by their names, as its API knows them. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.kubernetes;
