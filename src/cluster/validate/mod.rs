use crate::cluster::build::Draft; use crate::cluster::Cluster; use crate::inventory::Problems;
pub(super) fn all(_:&Draft,_:&Cluster,_:&mut Problems){}
