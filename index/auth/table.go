package auth

import "slices"

// A permission is one row of the table: who may do an action, and what must
// hold of the resource besides.
type permission struct {
	action Action
	class  Class
	roles  []Role
	// public also lets RoleAnyone in where the namespace is public.
	public bool
	// open refuses in a closed namespace; publishing asks for the switches.
	open, publishing bool
	// unclaimed is for the one action on a namespace that nobody has.
	unclaimed bool
}

// members are the namespace roles down to least.
func members(least Role) []Role {
	all := NamespaceRoles()
	return slices.Clone(all[:slices.Index(all, least)+1])
}

func and(roles []Role, more ...Role) []Role { return append(roles, more...) }

// permissions is the one table. An action that is not in it is denied to all.
var permissions = []permission{
	{action: RepositoryPull, class: OnRepository, roles: and(members(RoleReader), RoleAdmin, RoleReviewer, RoleOperator, RoleRobot, RoleProcess), public: true},
	{action: RepositoryPush, class: OnRepository, roles: and(members(RolePublisher), RoleRobot, RoleProcess), open: true},
	{action: RepositoryDelete, class: OnRepository, roles: and(members(RoleMaintainer), RoleAdmin, RoleRobot, RoleProcess)},
	{action: PluginPublish, class: OnRepository, roles: and(members(RolePublisher), RoleRobot, RoleProcess), open: true, publishing: true},
	{action: ChannelPromote, class: OnRepository, roles: and(members(RoleMaintainer), RoleRobot, RoleProcess), open: true},
	{action: PluginLifecycle, class: OnRepository, roles: and(members(RoleMaintainer), RoleAdmin, RoleRobot)},
	{action: PluginEmergency, class: OnRepository, roles: []Role{RoleAdmin}},

	{action: NamespaceClaim, class: OnNamespace, roles: []Role{RoleAdmin, RoleAccount}, unclaimed: true},
	{action: NamespaceManage, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin)},
	{action: NamespaceTransfer, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin)},
	{action: NamespaceClose, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin)},
	{action: MembersRead, class: OnNamespace, roles: and(members(RoleReader), RoleAdmin, RoleReviewer, RoleOperator)},
	{action: MembersManage, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin)},
	{action: KeysManage, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin)},
	{action: TokensManage, class: OnNamespace, roles: and(members(RoleMaintainer), RoleAdmin)},
	{action: QuotaRead, class: OnNamespace, roles: and(members(RoleReader), RoleAdmin, RoleOperator, RoleRobot, RoleProcess)},
	{action: QuotaSet, class: OnNamespace, roles: []Role{RoleAdmin, RoleOperator}},
	{action: AuditRead, class: OnNamespace, roles: and(members(RoleOwner), RoleAdmin, RoleOperator)},

	{action: AuditRead, class: OnSite, roles: []Role{RoleAdmin, RoleOperator}},
	{action: CatalogList, class: OnSite, roles: []Role{RoleAdmin, RoleOperator, RoleReviewer, RoleRobot, RoleProcess}},
	{action: SiteManage, class: OnSite, roles: []Role{RoleAdmin}},
	{action: AccountsManage, class: OnSite, roles: []Role{RoleAdmin}},
	{action: PersonalTokens, class: OnSite, roles: []Role{RoleAdmin, RoleAccount}},
	{action: RegistryGC, class: OnSite, roles: []Role{RoleAdmin, RoleOperator, RoleProcess}},
	{action: RegistryFsck, class: OnSite, roles: []Role{RoleAdmin, RoleOperator, RoleProcess}},
	{action: CatalogRebuild, class: OnSite, roles: []Role{RoleAdmin, RoleOperator, RoleProcess}},
	{action: PolicyRead, class: OnSite, roles: []Role{RoleAdmin, RoleReviewer, RoleOperator}},
	{action: PolicyTest, class: OnSite, roles: []Role{RoleAdmin, RoleOperator}},
	{action: SiteBackup, class: OnSite, roles: []Role{RoleAdmin, RoleOperator, RoleProcess}},
	{action: SiteRestore, class: OnSite, roles: []Role{RoleAdmin}},
	{action: ReviewRead, class: OnSite, roles: []Role{RoleAdmin, RoleReviewer, RoleOperator, RoleProcess}},
	{action: ReviewDecide, class: OnSite, roles: []Role{RoleReviewer}},
	{action: ReviewAssign, class: OnSite, roles: []Role{RoleAdmin, RoleReviewer}},
	{action: PublisherVerify, class: OnSite, roles: []Role{RoleAdmin, RoleReviewer}},
}

// find returns the row of an action on a class.
func find(a Action, c Class) (permission, bool) {
	for _, p := range permissions {
		if p.action == a && p.class == c {
			return p, true
		}
	}
	return permission{}, false
}

// Actions are the actions of the table on a class, in its order.
func Actions(c Class) []Action {
	var actions []Action
	for _, p := range permissions {
		if p.class == c {
			actions = append(actions, p.action)
		}
	}
	return actions
}

// RobotActions are the actions that the scope of a robot token can name for a class.
func RobotActions(c Class) []Action {
	var actions []Action
	for _, p := range permissions {
		if p.class == c && slices.Contains(p.roles, RoleRobot) {
			actions = append(actions, p.action)
		}
	}
	return actions
}
