fn main() {
    for f in std::env::args().skip(1) {
        let c = mahout::cluster::check(mahout::inventory::parse(
            mahout::inventory::load(f.as_ref()).unwrap(),
        ));
        println!("{}", c.render(mahout::inventory::Style::Plain));
        if std::env::var("D").is_ok() {
            println!("{:#?}", c.cluster);
        }
    }
}
