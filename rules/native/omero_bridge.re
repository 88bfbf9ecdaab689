# Rules of the OMERO-iRODS bridge in the native rule language, for servers without the Python rule engine plugin.
#
# Tell: what arrives in a collection that opted in (AVU omero::ingest on it or on one above) gets the AVU
# omero::ingest_state = waiting, and a small program is run a little later. Protect: what OMERO links in place (AVU
# omero::linked = in-place) is not removed, renamed, moved or written. What goes wrong in here fails no client.
#
# README.md has: installation, order of rule engines, hooks of the site's own, and what this file does less well
# than the Python rules.
# Version 1

# -- the catalog

omeroBridge_named(*attribute) {
    *named = omeroBridge_PREFIX ++ *attribute;
    *named;
}

# The collection, or the next one above, that has the AVU; "" for none.
omeroBridge_carrier(*collection, *attribute) {
    *wanted = omeroBridge_named(*attribute);
    *carrier = "";
    *at = *collection;
    while (*at != "/" && *at != "" && *carrier == "") {
        foreach (*row in SELECT COLL_ID WHERE COLL_NAME = '*at' AND META_COLL_ATTR_NAME = '*wanted') {
            *carrier = *at;
        }
        msiSplitPath(*at, *up, *leaf);
        *at = *up;
    }
    *carrier;
}

omeroBridge_has(*path, *attribute, *value) {
    *wanted = omeroBridge_named(*attribute);
    msiSplitPath(*path, *collection, *name);
    *found = false;
    foreach (*row in SELECT META_DATA_ATTR_VALUE WHERE COLL_NAME = '*collection' AND DATA_NAME = '*name' AND META_DATA_ATTR_NAME = '*wanted') {
        if (*value == "" || *row.META_DATA_ATTR_VALUE == *value) {
            *found = true;
        }
    }
    *found;
}

omeroBridge_isBelow(*collection, *above) {
    *length = strlen(*above);
    if (*collection == *above) {
        *below = true;
    } else if (strlen(*collection) > *length) {
        *beginning = *above ++ "/";
        *below = (substr(*collection, 0, *length + 1) == *beginning);
    } else {
        *below = false;
    }
    *below;
}

omeroBridge_given(*request, *key) {
    *given = "";
    if (errorcode(msiGetValByKey(*request, *key, *found)) >= 0) {
        *given = *found;
    }
    *given;
}

omeroBridge_log(*text) {
    writeLine("serverLog", "omero_bridge: *text");
}

# -- tell

omeroBridge_isOurs(*path) {
    *is = (*path like "\*/.incoming/\*") || (*path like "\*/.omero-irods-probe-\*");
    *is;
}

omeroBridge_arrived(*path) {
    msiSplitPath(*path, *collection, *name);
    if (!omeroBridge_isOurs(*path) && omeroBridge_carrier(*collection, "ingest") != "") {
        # What is linked was replicated or touched: nobody could write it without an override.
        if (!omeroBridge_has(*path, "linked", "in-place") || omeroBridge_has(*path, "override", "")) {
            omeroBridge_mark(*path);
            omeroBridge_wake();
        }
    }
}

omeroBridge_mark(*path) {
    *state = omeroBridge_named("ingest_state");
    msiModAVUMetadata("-d", *path, "set", *state, "waiting", "");
}

# Unless a run is ahead already: one that is due later than now sees this mark.
omeroBridge_wake {
    msiGetIcatTime(*now, "unix");
    *ahead = false;
    foreach (*row in SELECT RULE_EXEC_TIME WHERE RULE_EXEC_NAME like '%omero_bridge_wake%') {
        if (int(*row.RULE_EXEC_TIME) > int(*now)) {
            *ahead = true;
        }
    }
    if (!*ahead) {
        delay("<PLUSET>5s</PLUSET><INST_NAME>irods_rule_engine_plugin-irods_rule_language-instance</INST_NAME>") {
            msiExecCmd("omero_bridge_wake", "wake", "null", "null", "null", *out);
        }
    }
}

# What may be a collection: then what is in it is marked later, in nobody's time.
omeroBridge_arrivedByName(*path) {
    msiSplitPath(*path, *collection, *name);
    *isObject = false;
    foreach (*row in SELECT DATA_ID WHERE COLL_NAME = '*collection' AND DATA_NAME = '*name') {
        *isObject = true;
    }
    if (*isObject) {
        omeroBridge_arrived(*path);
    } else if (!omeroBridge_isOurs(*path ++ "/") && omeroBridge_carrier(*path, "ingest") != "") {
        delay("<PLUSET>0s</PLUSET><INST_NAME>irods_rule_engine_plugin-irods_rule_language-instance</INST_NAME>") {
            omeroBridge_markBelow(*path);
        }
    }
}

omeroBridge_markBelow(*path) {
    foreach (*row in SELECT COLL_NAME, DATA_NAME WHERE COLL_NAME = '*path') {
        omeroBridge_markNew(*row.COLL_NAME ++ "/" ++ *row.DATA_NAME);
    }
    foreach (*row in SELECT COLL_NAME, DATA_NAME WHERE COLL_NAME like '*path/%') {
        if (omeroBridge_isBelow(*row.COLL_NAME, *path)) {
            omeroBridge_markNew(*row.COLL_NAME ++ "/" ++ *row.DATA_NAME);
        }
    }
    omeroBridge_wake();
}

omeroBridge_markNew(*path) {
    if (!omeroBridge_isOurs(*path) && !omeroBridge_has(*path, "ingest_state", "") && !omeroBridge_has(*path, "linked", "")) {
        omeroBridge_mark(*path);
    }
}

pep_resource_modified_post(*INSTANCE, *CTX, *OUT) {
    if (omeroBridge_TELL) {
        if (errorcode(omeroBridge_arrived(*CTX.logical_path)) < 0) {
            omeroBridge_log("an arrival was not told, the next scan will find it");
        }
    }
}

pep_api_phy_path_reg_post(*INSTANCE, *COMM, *INP) {
    if (omeroBridge_TELL) {
        if (errorcode(omeroBridge_arrivedByName(*INP.obj_path)) < 0) {
            omeroBridge_log("a registration was not told, the next scan will find it");
        }
    }
}

pep_api_data_obj_rename_post(*INSTANCE, *COMM, *INP) {
    # What comes out of .incoming is a packet that gets its name.
    if (omeroBridge_TELL && !omeroBridge_isOurs(*INP.src_obj_path)) {
        if (errorcode(omeroBridge_arrivedByName(*INP.dst_obj_path)) < 0) {
            omeroBridge_log("a rename was not told, the next scan will find it");
        }
    }
}

# -- protect: the last argument gets the text of a refusal, and stays "" when the operation may go on

omeroBridge_ofObject(*comm, *what, *path, *text) {
    if (omeroBridge_has(*path, "linked", "in-place")) {
        *override = omeroBridge_named("override");
        *text = "*what refused: *path is linked in place by OMERO, where it would break. Delete the image in OMERO, or ask an administrator of iRODS for the AVU *override on it.";
        msiSplitPath(*path, *collection, *name);
        if (omeroBridge_has(*path, "override", "")) {
            *text = "";
            omeroBridge_passed(*comm, *what, *path, "-d", *path);
        } else if (omeroBridge_carrier(*collection, "override") != "") {
            *text = "";
            *carrier = omeroBridge_carrier(*collection, "override");
            omeroBridge_passed(*comm, *what, *path, "-C", *carrier);
        }
    }
}

# The first object below that no override releases decides.
omeroBridge_ofCollection(*comm, *what, *path, *text) {
    *linked = omeroBridge_named("linked");
    foreach (*row in SELECT COLL_NAME, DATA_NAME WHERE COLL_NAME = '*path' AND META_DATA_ATTR_NAME = '*linked' AND META_DATA_ATTR_VALUE = 'in-place') {
        if (*text == "") {
            omeroBridge_ofObject(*comm, *what, *row.COLL_NAME ++ "/" ++ *row.DATA_NAME, *text);
        }
    }
    foreach (*row in SELECT COLL_NAME, DATA_NAME WHERE COLL_NAME like '*path/%' AND META_DATA_ATTR_NAME = '*linked' AND META_DATA_ATTR_VALUE = 'in-place') {
        if (*text == "" && omeroBridge_isBelow(*row.COLL_NAME, *path)) {
            omeroBridge_ofObject(*comm, *what, *row.COLL_NAME ++ "/" ++ *row.DATA_NAME, *text);
        }
    }
}

omeroBridge_passed(*comm, *what, *path, *kind, *carrier) {
    *who = *comm.user_user_name ++ "#" ++ *comm.user_rods_zone;
    *record = "*what by *who";
    omeroBridge_log("override of *carrier: *record: *path");
    *overridden = omeroBridge_named("overridden");
    if (errorcode(msiModAVUMetadata(*kind, *carrier, "add", *overridden, *record, "")) < 0) {
        omeroBridge_log("*overridden was there already, or could not be set");
    }
}

omeroBridge_isWriting(*request) {
    *flags = int(*request.open_flags);
    *is = ((*flags % 4) != 0) || ((*flags % 1024) >= 512);
    *is;
}

omeroBridge_isAdministrator(*comm) {
    *is = *comm.user_user_name == *comm.proxy_user_name && *comm.user_rods_zone == *comm.proxy_rods_zone && int(*comm.user_auth_info_auth_flag) >= 5;
    *is;
}

omeroBridge_isService(*comm) {
    *accounts = omeroBridge_SERVICE_USERS;
    *user = "\*;" ++ *comm.user_user_name ++ "#" ++ *comm.user_rods_zone ++ ";\*";
    *proxy = "\*;" ++ *comm.proxy_user_name ++ "#" ++ *comm.proxy_rods_zone ++ ";\*";
    *is = (*accounts like *user) || (*accounts like *proxy);
    *is;
}

omeroBridge_ofOverride(*comm, *text) {
    if (!omeroBridge_isAdministrator(*comm)) {
        *override = omeroBridge_named("override");
        *text = "*override refused: only an administrator of iRODS who acts for himself may set it. Ask one, and tell why what OMERO links in place has to change.";
    }
}

omeroBridge_isOfALink(*attribute) {
    *is = *attribute == omeroBridge_named("linked") || *attribute == omeroBridge_named("fileset") || *attribute == omeroBridge_named("image") || *attribute == omeroBridge_named("file") || *attribute == omeroBridge_named("server") || *attribute == omeroBridge_named("imported_at") || *attribute == omeroBridge_named("ingest_version");
    *is;
}

# Removal by a pattern or by number is refused as a whole: the AVU is to be named.
omeroBridge_ofAvuChange(*comm, *request, *text) {
    *verb = *request.arg0;
    *kind = *request.arg1;
    *attribute = omeroBridge_given(*request, "arg3");
    if (*verb == "cp") {
        if (*kind == "-d") {
            omeroBridge_ofAvuCopy(*comm, *attribute, *text);
        }
    } else {
        if ((*verb not like "rm\*") && omeroBridge_makesOverride(*request, *attribute)) {
            omeroBridge_ofOverride(*comm, *text);
        }
        if (*text == "" && *kind == "-d" && (*verb not like "add\*") && !omeroBridge_isService(*comm)) {
            if (*verb == "rmw" || *verb == "rmi" || omeroBridge_isOfALink(*attribute)) {
                omeroBridge_ofObject(*comm, "change of *attribute", *request.arg2, *text);
            }
        }
    }
}

omeroBridge_makesOverride(*request, *attribute) {
    *override = omeroBridge_named("override");
    *renamed = "n:" ++ *override;
    *is = *attribute == *override || omeroBridge_given(*request, "arg5") == *renamed || omeroBridge_given(*request, "arg6") == *renamed || omeroBridge_given(*request, "arg7") == *renamed || omeroBridge_given(*request, "arg8") == *renamed;
    *is;
}

omeroBridge_ofAvuCopy(*comm, *source, *text) {
    if (omeroBridge_has(*source, "override", "")) {
        omeroBridge_ofOverride(*comm, *text);
    } else if (!omeroBridge_isService(*comm)) {
        omeroBridge_ofObject(*comm, "copy of AVUs", *source, *text);
    }
}

# The language cannot read JSON on every server. So this goes by the text: whoever names these AVUs in a request
# with removals, or the override at all, needs the rights for them, whether or not the object is linked.
omeroBridge_ofAvuChanges(*comm, *json, *text) {
    *linked = omeroBridge_named("linked");
    *namesLinked = "\*" ++ *linked ++ "\*";
    *namesOverride = "\*" ++ omeroBridge_named("override") ++ "\*";
    if (*json like *namesOverride) {
        omeroBridge_ofOverride(*comm, *text);
    }
    if (*text == "" && (*json like "\*remove\*") && (*json like *namesLinked) && !omeroBridge_isService(*comm) && !omeroBridge_isAdministrator(*comm)) {
        *text = "change of *linked refused: it protects what OMERO links in place. Delete the image in OMERO, or ask an administrator of iRODS.";
    }
}

omeroBridge_ofTrim(*comm, *request, *text) {
    *path = *request.obj_path;
    *number = omeroBridge_given(*request, "replNum");
    *good = (*number == "");
    msiSplitPath(*path, *collection, *name);
    foreach (*row in SELECT DATA_REPL_NUM, DATA_REPL_STATUS WHERE COLL_NAME = '*collection' AND DATA_NAME = '*name') {
        if (*row.DATA_REPL_NUM == *number && *row.DATA_REPL_STATUS == "1") {
            *good = true;
        }
    }
    if (*good) {
        omeroBridge_ofObject(*comm, "trim", *path, *text);
    }
}

omeroBridge_ofRename(*comm, *path, *text) {
    omeroBridge_ofObject(*comm, "rename", *path, *text);
    if (*text == "") {
        omeroBridge_ofCollection(*comm, "rename", *path, *text);
    }
}

omeroBridge_ofWriting(*comm, *what, *request, *text) {
    *brought = omeroBridge_given(*request, "metadataIncluded");
    *namesOverride = "\*" ++ omeroBridge_named("override") ++ "\*";
    if (*brought like *namesOverride) {
        omeroBridge_ofOverride(*comm, *text);
    }
    if (*text == "") {
        omeroBridge_ofObject(*comm, *what, *request.obj_path, *text);
    }
}

omeroBridge_ofOpening(*comm, *request, *text) {
    if (omeroBridge_isWriting(*request)) {
        omeroBridge_ofWriting(*comm, "write", *request, *text);
    }
}

omeroBridge_ofRsync(*comm, *request, *text) {
    *path = omeroBridge_given(*request, "rsyncDestPath");
    if (*path != "") {
        omeroBridge_ofObject(*comm, "overwrite", *path, *text);
    }
}

# *status is what errorcode made of finding out: an operation that could not be checked goes on, unless it was
# seen before that the object is linked.
omeroBridge_refuse(*status, *text) {
    if (*text != "" && omeroBridge_PROTECT) {
        msiExit("-818000", *text);
    } else if (*status < 0) {
        omeroBridge_log("an operation was not checked, and was let through");
    }
}

pep_api_data_obj_unlink_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofObject(*COMM, "removal", *INP.obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_truncate_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofObject(*COMM, "truncation", *INP.obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_replica_truncate_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofObject(*COMM, "truncation", *INP.obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_phymv_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofObject(*COMM, "physical move", *INP.obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_put_pre(*INSTANCE, *COMM, *INP, *BUFFER, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofWriting(*COMM, "overwrite", *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_create_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofWriting(*COMM, "overwrite", *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_open_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofOpening(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_replica_open_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofOpening(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_open_and_stat_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofOpening(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_create_and_stat_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofWriting(*COMM, "overwrite", *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_rename_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofRename(*COMM, *INP.src_obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_rm_coll_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofCollection(*COMM, "removal", *INP.coll_name, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_copy_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofObject(*COMM, "overwrite", *INP.dst_obj_path, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_rsync_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofRsync(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_data_obj_trim_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofTrim(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_mod_avu_metadata_pre(*INSTANCE, *COMM, *INP) {
    *text = "";
    *status = errorcode(omeroBridge_ofAvuChange(*COMM, *INP, *text));
    omeroBridge_refuse(*status, *text);
}

pep_api_atomic_apply_metadata_operations_pre(*INSTANCE, *COMM, *INP, *OUT) {
    *text = "";
    *status = errorcode(omeroBridge_ofAvuChanges(*COMM, *INP.buf, *text));
    omeroBridge_refuse(*status, *text);
}
