// Package resolve chooses versions: given what is wanted and which versions
// fit the asking host, it finds one version per plugin so that every range
// holds, the newest where there is a choice, or says in sentences why there is
// none and what would help.
//
// It is PubGrub over finite domains. Each plugin is a variable whose values are
// its candidates and "absent"; an incompatibility is a list of (plugin, set of
// values) that cannot all hold at once. A want, a dependency and an optional
// dependency are each one incompatibility:
//
//	the request wants a ^1         ¬(a ∈ {absent} ∪ a outside ^1)
//	a 1.2 needs b ^2               ¬(a ∈ {1.2} ∧ b ∈ {absent} ∪ b outside ^2)
//	a 1.2 goes with b ^2 only      ¬(a ∈ {1.2} ∧ b ∈ b outside ^2)
//
// Two of them that disagree about x resolve to a third that follows from both,
// ¬(P ∧ x∈S) and ¬(Q ∧ x∈T) to ¬(P ∧ Q ∧ x∈S∪T), where x∈everything says
// nothing and is dropped. Conflicts are resolved so until the learned one tells
// which decision was wrong; learning the empty one proves that there is no
// solution, and its leaves are the explanation.
//
// The search is deterministic: the same input gives the same answer.
//
// Source: "PubGrub: Next-Generation Version Solving", N. Weizenbaum, 2018.
package resolve
