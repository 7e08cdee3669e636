package sqlreview

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// apply moves the model of the database past a statement.
func (s *state) apply(p *pass) {
	n := p.node
	if p.claims.Fails != "" {
		return
	}
	switch {
	case n.GetCreateStmt() != nil:
		s.createTable(n.GetCreateStmt(), p.doubt)
	case n.GetCreateTableAsStmt() != nil:
		s.createAs(n.GetCreateTableAsStmt().GetInto().GetRel(), n.GetCreateTableAsStmt().GetIfNotExists() || p.doubt)
	case n.GetSelectStmt().GetIntoClause() != nil:
		s.createAs(n.GetSelectStmt().GetIntoClause().GetRel(), p.doubt)
	case n.GetViewStmt() != nil:
		if v := s.named(n.GetViewStmt().GetView()); !n.GetViewStmt().GetReplace() || s.absent(v) {
			s.create(s.made(n.GetViewStmt().GetView()), false)
			s.of(s.made(n.GetViewStmt().GetView())).loose = true
		} else {
			s.of(v).loose = true // it may have more columns now
		}
	case n.GetIndexStmt() != nil:
		s.applyIndex(n.GetIndexStmt(), p.doubt)
	case n.GetDropStmt() != nil:
		s.applyDrop(n.GetDropStmt(), p.doubt)
	case n.GetAlterObjectSchemaStmt() != nil:
		s.applySchema(n.GetAlterObjectSchemaStmt(), p.doubt)
	case n.GetCreateSeqStmt() != nil:
		s.sequences[s.made(n.GetCreateSeqStmt().GetSequence())] = true
	case n.GetCreateSchemaStmt() != nil:
		s.schemas[n.GetCreateSchemaStmt().GetSchemaname()] = true
	case n.GetCreateExtensionStmt() != nil:
		s.applyExtension(n.GetCreateExtensionStmt())
	case n.GetCreateForeignTableStmt() != nil, n.GetImportForeignSchemaStmt() != nil, n.GetDropOwnedStmt() != nil:
		s.murky = true
	case n.GetCreateTrigStmt() != nil:
		if p.doubt {
			s.of(s.named(n.GetCreateTrigStmt().GetRelation())).loose = true
		}
		if t := s.change(s.named(n.GetCreateTrigStmt().GetRelation())); t != nil && !p.doubt && t.trigger(n.GetCreateTrigStmt().GetTrigname()) == nil {
			f := s.qualify(qualifiedName(n.GetCreateTrigStmt().GetFuncname()))
			t.Triggers = append(t.Triggers, Trigger{Name: n.GetCreateTrigStmt().GetTrigname(), Function: f.ref(), Enabled: true})
		}
	case n.GetRenameStmt() != nil:
		s.applyRename(n.GetRenameStmt(), p.doubt)
	case n.GetAlterTableStmt() != nil:
		s.applyAlter(n.GetAlterTableStmt(), p.doubt)
	case n.GetCreateFunctionStmt() != nil:
		s.applyFunction(n.GetCreateFunctionStmt(), *p.leaf)
	case n.GetCreatePolicyStmt() != nil:
		s.policies[s.named(n.GetCreatePolicyStmt().GetTable())] = true
	case n.GetVariableSetStmt() != nil:
		s.setting(n.GetVariableSetStmt())
	default:
		s.applyType(n)
	}
	s.applyName(n, p.doubt)
	if !p.alone {
		for _, l := range p.claims.Locks {
			s.hold(l)
		}
	}
}

// hold remembers locks that stop readers or writers until the unit ends.
func (s *state) hold(l Lock) {
	switch l.Mode {
	case accessExclusive, exclusive, shareRowExclusive, share:
	default:
		return
	}
	schema, relname, ok := strings.Cut(l.Relation, ".")
	n := name{schema, relname}
	if !ok {
		n = name{"public", l.Relation}
	}
	if r := s.of(n); r.locked != accessExclusive {
		r.locked = l.Mode
	}
}

// createAs notes a new table; a temporary one hides others of its name.
func (s *state) createAs(r *pg.RangeVar, doubt bool) {
	if r.GetRelpersistence() == "t" {
		s.create(name{temporary, r.GetRelname()}, false)
		return
	}
	s.create(s.made(r), doubt)
}

// made is the name of something new: without a schema it goes to the first of the path.
func (s *state) made(r *pg.RangeVar) name {
	n := name{r.GetSchemaname(), r.GetRelname()}
	if n.schema == "" {
		n.schema = s.first()
	}
	return n
}

func (s *state) applyType(n *pg.Node) {
	switch {
	case n.GetSelectStmt() != nil, n.GetCallStmt() != nil:
		s.setByCall(n)
		s.murky = s.murky || s.unfollowed(n)
	case n.GetCreateDomainStmt() != nil:
		d := n.GetCreateDomainStmt()
		constrained := false
		for _, c := range d.GetConstraints() {
			switch c.GetConstraint().GetContype() {
			case pg.ConstrType_CONSTR_CHECK, pg.ConstrType_CONSTR_NOTNULL:
				constrained = true
			}
		}
		s.domains[lastName(d.GetDomainname())] = constrained
		s.types[lastName(d.GetDomainname())] = true
	case n.GetCreateEnumStmt() != nil:
		s.types[lastName(n.GetCreateEnumStmt().GetTypeName())] = true
	case n.GetCompositeTypeStmt() != nil:
		s.types[n.GetCompositeTypeStmt().GetTypevar().GetRelname()] = true
	case n.GetAlterEnumStmt() != nil:
		if e := n.GetAlterEnumStmt(); e.GetOldVal() == "" && !slices.Contains(s.labels, e.GetNewVal()) {
			s.labels = append(s.labels, e.GetNewVal())
			s.added[lastName(e.GetTypeName())] = append(s.added[lastName(e.GetTypeName())], e.GetNewVal())
		}
	}
}

// setByCall follows SELECT set_config('search_path', …), as dumps begin.
func (s *state) setByCall(n *pg.Node) {
	for _, c := range calls(n) {
		a := c.GetArgs()
		if calledName(c) == "set_config" && len(a) == 3 && a[0].GetAConst().GetSval().GetSval() == "search_path" && a[1].GetAConst().GetSval() != nil {
			var path []*pg.Node
			for _, schema := range strings.Split(a[1].GetAConst().GetSval().GetSval(), ",") {
				path = append(path, text(strings.Trim(strings.TrimSpace(schema), `"`)))
			}
			s.setting(&pg.VariableSetStmt{Name: "search_path", Args: path})
		}
	}
}

func text(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Sval{Sval: &pg.String{Sval: s}}}}}
}

func (s *state) applyFunction(f *pg.CreateFunctionStmt, l leaf) {
	made := &function{volatility: "v", node: l.node, leaf: l}
	for _, o := range f.GetOptions() {
		if o.GetDefElem().GetDefname() == "volatility" {
			if v := o.GetDefElem().GetArg().GetString_().GetSval(); v != "" {
				made.volatility = v[:1]
			}
		}
	}
	n := lastName(f.GetFuncname())
	s.functions[n] = append(s.functions[n], made)
}

func (s *state) columnIsFresh(n name, column string) bool {
	r := s.relations[n]
	if r == nil {
		return false
	}
	_, ok := r.columns[column]
	return ok
}

// String writes the type as parseType reads it.
func (t sqlType) String() string {
	out := t.name
	if len(t.mods) > 0 {
		var mods []string
		for _, m := range t.mods {
			mods = append(mods, strconv.Itoa(m))
		}
		out += "(" + strings.Join(mods, ",") + ")"
	}
	if t.array {
		out += "[]"
	}
	return out
}

// unfollowed says whether a statement calls something that could make or drop relations unseen.
func (s *state) unfollowed(n *pg.Node) bool {
	if n.GetCallStmt() != nil {
		return len(s.functions[calledName(n.GetCallStmt().GetFunccall())]) == 0
	}
	for _, c := range calls(n) {
		called := calledName(c)
		if knownBody(called) || builtinFunction(called) != "" && !s.shadowed(called) {
			continue
		}
		if v := s.volatility(c); len(s.functions[called]) == 0 && (v == "v" || v == "") && builtinVolatility(called) == "" {
			return true
		}
	}
	return false
}

// shadowed says whether the catalog has a function with the name of a builtin one.
func (s *state) shadowed(n string) bool {
	return s.catalog != nil && slices.ContainsFunc(s.catalog.Functions, func(f Function) bool { return f.Name == n })
}
